# many small writes
i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done
