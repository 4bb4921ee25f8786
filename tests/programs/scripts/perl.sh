# perl: numbers, text, sorting, processes, sockets, and its core modules
# image: services
# limit: 3m
same "numbers" "3.14159265358979 1.4142135623731 1e+300 18446744073709551615" "$(perl -e 'printf "%.15g %.14g %g %u", atan2(1,1)*4, sqrt(2), 1e300, ~0')"
same "big numbers" "30414093201713378043612608166064768844377641568960512000000000000" "$(perl -MMath::BigInt -e 'print Math::BigInt->new(50)->bfac')"
same "text" "Ünïcödé 7 ÜNÏCÖDÉ" "$(perl -CSA -Mutf8 -e '$s = "Ünïcödé"; print "$s ", length $s, " ", uc $s')"
same "expressions" "2024-06-15 nested" "$(perl -e '"on 15/06/2024" =~ m{(?<d>\d+)/(?<m>\d+)/(?<y>\d+)}; print "$+{y}-$+{m}-$+{d} "; print "nested" if "(a(b)c)" =~ /^(\((?:[^()]|(?1))*\))$/')"
same "sorting" "1 10 2 20 3;3 20 2 10 1" "$(perl -e '@a=(3,10,2,20,1); print join(" ", sort @a), ";", join(" ", map {$_->[0]} sort { $b->[1] cmp $a->[1] } map { [$_, "$_"] } @a)')"
same "a hash of 200,000" "200000 20000100000" "$(clock hash perl -e '$h{$_}=$_ for 1..200000; $s += $_ for values %h; print scalar(keys %h), " $s\n"' | head -1)"
same "digests" "$(seq 10000 | sha256sum | cut -d' ' -f1)" "$(seq 10000 | perl -MDigest::SHA=sha256_hex -0777 -ne 'print sha256_hex($_)')"
same "forks and pipes" "0 1 4 9 16" "$(perl -e 'for $i (0..4) { pipe R, W; unless (fork) { print W $i*$i; exit } close W; push @r, <R>; wait } print "@r"')"
same "signals" "alarm USR1" "$(perl -e '$SIG{ALRM} = sub { $a = "alarm" }; alarm 1; select undef,undef,undef,10; $SIG{USR1} = sub { $a .= " USR1" }; kill USR1 => $$; print $a')"
same "a socket" "echo: hello" "$(perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen=>1, LocalAddr=>"127.0.0.1") or die; unless (fork) { $c = $s->accept; $l = <$c>; print $c "echo: $l"; exit } $c = IO::Socket::INET->new("127.0.0.1:".$s->sockport) or die; print $c "hello\n"; print scalar <$c>')"
same "storage" "1,2,3" "$(perl -MStorable=dclone -MJSON::PP -e '$x = dclone({a=>[1,2,3]}); print join ",", @{decode_json(encode_json($x))->{a}}')"
same "compression" "100000" "$(perl -MIO::Compress::Gzip=gzip -MIO::Uncompress::Gunzip=gunzip -e '$x = "ab" x 50000; gzip \$x => \$y; gunzip \$y => \$z; print length $z if $x eq $z')"
same "a time" "2001-09-09 01:46:40" "$(perl -MPOSIX -e 'print strftime "%F %T", gmtime 1e9')"
same "formats" "$(printf 'a   1.50\nb  22.00')" "$(perl -e '$~ = "F"; format F =
@<@##.##
$n, $v
.
for (["a", 1.5], ["b", 22]) { ($n, $v) = @$_; write }')"
same "threads of work" "9592" "$(perl -e 'my $n = 100000; my @s; for my $i (2..$n) { next if $s[$i]; $c++; for (my $j = $i*$i; $j <= $n; $j += $i) { $s[$j] = 1 } } print $c')"
