# loop.py SEED PERCENT: a loop in pure Python. It prints how long it took, by
# its own clock, and a checksum: "python MICROSECONDS CHECKSUM".
import sys
import time


class Account:
    def __init__(self, name):
        self.name = name
        self.total = 0
        self.moves = []

    def move(self, amount):
        self.total += amount
        if len(self.moves) < 50:
            self.moves.append(amount)


def primes(n):
    found = []
    for i in range(2, n):
        for p in found:
            if p * p > i:
                found.append(i)
                break
            if i % p == 0:
                break
        else:
            found.append(i)
    return found


def work(seed, n):
    accounts = {}
    state = seed
    check = 0
    for i in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        name = "a%d" % (state >> 8 & 255)
        account = accounts.get(name)
        if account is None:
            account = accounts[name] = Account(name)
        account.move((state >> 16 & 1023) - 500)
        check = (check * 31 + account.total) & 0xFFFFFFFF
    best = sorted(accounts.values(), key=lambda a: (a.total, a.name))
    text = ",".join("%s:%d" % (a.name, sum(a.moves)) for a in best)
    for c in text:
        check = (check * 33 ^ ord(c)) & 0xFFFFFFFF
    for p in primes(n // 10 + seed):
        check = (check + p * p) & 0xFFFFFFFF
    return check


seed, percent = int(sys.argv[1]), int(sys.argv[2])
begin = time.perf_counter_ns()
check = work(seed, 1250 * percent)
took = (time.perf_counter_ns() - begin) // 1000
print("python %d %x" % (took, check))
