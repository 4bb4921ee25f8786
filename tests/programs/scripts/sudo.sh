# sudo and su: what the rules allow and what not, passwords, environment
# image: services
# limit: 3m
as() { setpriv --reuid tester --regid tester --init-groups env HOME=/home/tester "$@" 2>&1; }
same "root, without a password" "uid=0(root) gid=0(root) groups=0(root)" "$(as sudo -n /usr/bin/id)"
same "another user" "postgres" "$(as sudo -n -u postgres /usr/bin/id -un)"
same "root as another user" "tester" "$(sudo -n -u tester id -un)"
has "what the rules do not allow" "$(as sudo -n /usr/bin/cat /etc/shadow)" "password is required|not allowed"
has "sudo -l" "$(as sudo -n -l)" "NOPASSWD: /usr/bin/id, /usr/bin/tee"
echo x | as sudo -n /usr/bin/tee /etc/written >/dev/null
same "a file of root's" "root x" "$(stat -c %U /etc/written) $(cat /etc/written)"
same "its own environment" "SUDO_USER=root" "$(Y=1 sudo -n env | grep -E '^(Y|SUDO_USER)=')"
same "su" "tester /home/tester" "$(su - tester -c 'echo $(id -un) $PWD')"
echo 'tester:secret' > /tmp/pw
chpasswd < /tmp/pw && ok "chpasswd" || fault "chpasswd"
echo 'tester ALL=(ALL) ALL' > /etc/sudoers.d/all; chmod 440 /etc/sudoers.d/all
rm -f /etc/sudoers.d/tester
same "by the password" "0" "$(echo secret | as sudo -k -S -p '' /usr/bin/id -u)"
has "not by a wrong one" "$(echo wrong | as sudo -k -S -p '' /usr/bin/id -u)" "incorrect password|no password was provided|Sorry"
try "visudo's check" visudo -c
