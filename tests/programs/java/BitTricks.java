public class BitTricks {
    static int reverse(int n) {
        int result = 0;
        for (int i = 0; i < 32; i++, n >>>= 1) result = result << 1 | n & 1;
        return result;
    }

    public static void main(String[] args) {
        int n = 0b1011_0010;
        System.out.println(Integer.toBinaryString(n) + " " + Integer.bitCount(n) + " " + Integer.highestOneBit(n));
        System.out.println(reverse(n) == Integer.reverse(n));
        System.out.println((-17 >> 2) + " " + (-17 >>> 28) + " " + (1 << 33) + " " + (1L << 33) + " " + -17 % 5);
        System.out.println((byte) 200 + " " + (char) 97 + " " + (int) 'z' + " " + (short) 70_000 + " " + (int) 3.99e10);
        System.out.println(Integer.MAX_VALUE + 1 + " " + Long.MIN_VALUE + " " + Math.abs(Integer.MIN_VALUE));
        System.out.println(0.1 + 0.2 + " " + (float) 0.1 + " " + 1.0 / 0 + " " + 0.0 / 0 + " " + 1e21 + " " + 100.0);
        System.out.println(Integer.toHexString(-1) + " " + Long.parseLong("ff", 16) + " " + Integer.toString(255, 36));
        System.out.println(Double.compare(0.0, -0.0) + " " + (0.0 == -0.0) + " " + Double.MIN_VALUE);
        System.out.printf("%08.3f|%+d|%x|%o|%e|%,d|%5s|%-5s|%b|%c|%%%n", Math.E, 5, 255, 8, 12345.678, 1234567, "r", "l", true, 'c');
        StringBuilder subsets = new StringBuilder();
        for (int mask = 0; mask < 1 << 3; mask++) {
            for (int bit = 0; bit < 3; bit++) if ((mask & 1 << bit) != 0) subsets.append((char) ('a' + bit));
            subsets.append(';');
        }
        System.out.println(subsets);
        Integer a = 127, b = 127, c = 1000, d = 1000;
        System.out.println((a == b) + " " + c.equals(d));
        System.out.println(Math.addExact(Integer.MAX_VALUE, 1));
    }
}
