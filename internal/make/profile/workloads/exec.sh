# fork, exec, page faults, exit
i=0; while [ $i -lt 150 ]; do i=$((i+1)); /bin/true; done
