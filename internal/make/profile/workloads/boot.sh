# What every run begins with.
true
