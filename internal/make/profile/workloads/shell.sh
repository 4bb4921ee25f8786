# subshells, pipelines, command substitution, redirections, signals
i=0; while [ $i -lt 40 ]; do i=$((i+1)); x=$(echo $i | cat | wc -c); (exit 3); done
i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i >/dev/null; done
trap : USR1; i=0; while [ $i -lt 300 ]; do i=$((i+1)); kill -USR1 $$; done
