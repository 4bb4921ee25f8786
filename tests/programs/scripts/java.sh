# java: the compiler, and a program with threads, collections, floating point, sockets, with compiled code and collection of garbage
# image: java
# limit: 20m
cd /tmp
cat > T.java <<'J'
import java.math.BigInteger;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;
public class T {
	static void check(String what, Object want, Object got) {
		System.out.println((want.equals(got) ? "good: " : "BAD: ") + what + (want.equals(got) ? "" : ": want " + want + ", got " + got));
	}
	record P(String name, int n) {}
	static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
	public static void main(String[] a) throws Exception {
		check("recursion", 196418, fib(27));
		int h = 0;
		for (int i = 0; i < 1_000_000; i++) h = h * 31 + i;
		check("a hot loop", 0, BigInteger.valueOf(h).intValue() - h);
		double s = 0;
		for (int i = 1; i < 100_000; i++) s += Math.sqrt(i) * (i % 3 - 1) / Math.floor(i / 2.0 + 1);
		double r = 0;
		for (int i = 1; i < 100_000; i++) r += StrictMath.sqrt(i) * (i % 3 - 1) / StrictMath.floor(i / 2.0 + 1);
		check("floating point, compiled and strict", r, s);
		check("conversions", "2147483647 0 -7 9223372036854775807", (int) 1e20 + " " + (int) Double.NaN + " " + (int) -7.9 + " " + (long) 1e30);
		Map<String, Integer> m = new HashMap<>();
		for (int i = 0; i < 100_000; i++) m.merge("k" + i % 1000, 1, Integer::sum);
		check("a map", 100, m.get("k7"));
		check("streams", "a=2,b=1", Stream.of("a", "b", "a").collect(Collectors.groupingBy(x -> x, TreeMap::new, Collectors.counting())).entrySet().stream().map(Object::toString).collect(Collectors.joining(",")));
		check("a big number", 1001, fact(450).toString().length());
		ExecutorService e = Executors.newFixedThreadPool(4);
		AtomicInteger n = new AtomicInteger();
		List<Future<Integer>> fs = new ArrayList<>();
		for (int i = 0; i < 50; i++) { final int k = i; fs.add(e.submit(() -> { for (int j = 0; j < 1000; j++) n.incrementAndGet(); return k; })); }
		int t = 0;
		for (Future<Integer> f : fs) t += f.get();
		e.shutdown();
		check("threads", 50000 + 1225, n.get() + t);
		try (var v = Executors.newVirtualThreadPerTaskExecutor()) { for (int i = 0; i < 500; i++) v.submit(() -> { Thread.sleep(1); return n.incrementAndGet(); }); }
		check("virtual threads", 50500, n.get());
		List<byte[]> keep = new ArrayList<>();
		for (int i = 0; i < 3000; i++) { keep.add(new byte[64 << 10]); if (keep.size() > 200) keep.remove(0); }
		System.gc();
		check("garbage", 200, keep.size());
		try (ServerSocket ss = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
			Thread c = new Thread(() -> { try (Socket k = new Socket(ss.getInetAddress(), ss.getLocalPort())) { k.getOutputStream().write("hi\n".getBytes()); } catch (Exception x) { throw new RuntimeException(x); } });
			c.start();
			try (Socket k = ss.accept()) { check("a socket", "hi", new Scanner(k.getInputStream()).nextLine()); }
			c.join();
		}
		try { Object o = null; o.toString(); } catch (NullPointerException x) { check("a null", true, x.getMessage() != null); }
		try { System.out.println(deep(0)); } catch (StackOverflowError x) { check("a stack's end", true, true); }
		Files.writeString(Path.of("/tmp/x"), "text");
		check("files", "text", Files.readString(Path.of("/tmp/x")));
		check("a process", "42", new String(new ProcessBuilder("sh", "-c", "echo 42").start().getInputStream().readAllBytes()).trim());
		check("text", "P[name=ä, n=1] 0.1 1.0E10", new P("ä", 1) + " " + 0.1 + " " + 1e10);
		check("a regular expression", "[a, b, c]", Arrays.toString("a1b22c".split("\\d+")));
	}
	static int deep(int n) { return deep(n + 1) + 1; }
	static BigInteger fact(int n) { BigInteger f = BigInteger.ONE; for (int i = 2; i <= n; i++) f = f.multiply(BigInteger.valueOf(i)); return f; }
}
J
count() { # WHAT: of a run's $out
	grep -E '^(BAD|Exception|\s+at )' <<<"$out"
	same "$1: all 17" "17 0" "$(grep -c ^good: <<<"$out") $(grep -c ^BAD: <<<"$out")"
}
clock version try "it starts" java -version
clock javac try "javac" javac T.java || finish
clock "compiled code" eval 'out=$(java -Xmx256m T 2>&1)'; count "compiled code"
clock "interpreted" eval 'out=$(java -Xint -Xmx256m T 2>&1)'; count "interpreted"
clock "the first compiler" eval 'out=$(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m T 2>&1)'; count "the first compiler"
clock "G1" eval 'out=$(java -XX:+UseG1GC -Xmx256m T 2>&1)'; count "G1"
clock "everything compiled at once" eval 'out=$(java -Xcomp -XX:TieredStopAtLevel=1 -Xmx256m -version 2>&1; echo status $?)'
has "everything compiled at once" "$out" "^status 0"
