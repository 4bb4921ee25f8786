# git: commits, branches, merges, clones of both kinds, packing and checks, here and in a directory of the host
# image: services
# limit: 10m
# volume: /data
export GIT_CONFIG_COUNT=4 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=T GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=t@example.com
export GIT_CONFIG_KEY_2=init.defaultBranch GIT_CONFIG_VALUE_2=main GIT_CONFIG_KEY_3=safe.directory GIT_CONFIG_VALUE_3='*'
round() { # DIRECTORY NAME
	mkdir -p "$1" && cd "$1" || return
	try "$2: init" git init -q a
	cd a || return
	mkdir -p d/e
	for i in $(seq 200); do seq "$i" $((i + 300)) > "d/e/f$i"; done
	ln -s f1 d/e/link
	printf '#!/bin/sh\necho run\n' > run.sh
	chmod +x run.sh
	try "$2: add" git add -A
	try "$2: commit" git commit -qm first
	same "$2: nothing is left" "" "$(git status --porcelain)"
	try "$2: a branch" git checkout -qb side
	sed -i 1d d/e/f1; echo side >> d/e/f2; git rm -q d/e/f3; git mv d/e/f4 d/e/moved
	same "$2: status" "M d/e/f1,M d/e/f2,D d/e/f3,R d/e/f4 -> d/e/moved" "$(git add -A; git status --porcelain | sed 's/^\(.\) */\1 /' | paste -sd,)"
	try "$2: commit -a" git commit -qam side
	git checkout -q main
	echo main >> d/e/f5
	git commit -qam main
	try "$2: merge" git merge -q -m merge side
	same "$2: history" "4" "$(git rev-list --count HEAD)"
	git checkout -qb conflict HEAD~1; echo x > run.sh; git commit -qam x
	git checkout -q main; echo y > run.sh; git commit -qam y
	has "$2: a conflict" "$(git merge conflict 2>&1)" "CONFLICT"
	git merge --abort
	git stash -q 2>/dev/null; echo dirty > run.sh; try "$2: stash" git stash; same "$2: stashed" "y" "$(cat run.sh)"; git stash pop -q; same "$2: popped" "dirty" "$(cat run.sh)"; git checkout -q run.sh
	try "$2: rebase" git rebase -q --onto HEAD~1 HEAD~1 side
	git checkout -q main
	for i in $(seq 20); do echo "$i" > n; git add n; git commit -qm "n $i"; done
	same "$2: bisect" "n 13" "$(git bisect start HEAD HEAD~20 >/dev/null; git bisect run sh -c '[ ! -e n ] || [ "$(cat n)" -lt 13 ]' >/dev/null 2>&1; git log -1 --format=%s refs/bisect/bad; git bisect reset >/dev/null 2>&1)"
	cd ..
	try "$2: clone by links" git clone -q a b
	try "$2: clone by the protocol" git clone -q --no-local a c
	try "$2: a bare clone" git clone -q --bare a d.git
	same "$2: the same head" "$(git -C a rev-parse HEAD)" "$(git -C c rev-parse HEAD)"
	(cd c && echo c > c && git add c && git commit -qm c)
	git -C c remote add d ../d.git
	try "$2: push" git -C c push -q d main
	try "$2: pull" git -C b pull -q ../d.git main
	same "$2: pulled" "c" "$(cat b/c)"
	clock "$2: gc" try "$2: gc" git -C a gc -q --prune=now
	same "$2: one pack" "1" "$(find a/.git/objects/pack -name '*.pack' | wc -l)"
	for r in a b c d.git; do try "$2: fsck of $r" git -C $r fsck --full --strict; done
	same "$2: blame" "301" "$(git -C a blame d/e/f10 | grep -c '(T ')"
	try "$2: archive" git -C a archive -o ../a.tar HEAD
	same "$2: the archive" "run.sh" "$(tar tf a.tar run.sh)"
	try "$2: a worktree" git -C a worktree add -q ../w side
	same "$2: it is the same everywhere" "" "$(cd c && git checkout -q . && git status --porcelain)"
}
clock "in the container's own files" round /tmp/g own
clock "in the host's directory" round /data/g host
same "the same tree in both" "$(git -C /tmp/g/a rev-parse 'HEAD^{tree}')" "$(git -C /data/g/a rev-parse 'HEAD^{tree}')"
