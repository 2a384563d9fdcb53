import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.stream.Collectors;

public class Unicode {
    static boolean isPalindrome(String s) {
        String clean = s.codePoints()
                .filter(Character::isLetterOrDigit)
                .map(Character::toLowerCase)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return new StringBuilder(clean).reverse().toString().equals(clean);
    }

    public static void main(String[] args) {
        String s = "naïve café 日本語 😀👍🏽 Straße";
        System.out.println(s + " has " + s.length() + " chars, " + s.codePointCount(0, s.length()) + " code points");
        System.out.println(s.toUpperCase());
        System.out.println(new StringBuilder(s).reverse());
        System.out.println(s.getBytes(StandardCharsets.UTF_8).length + " bytes");
        System.out.println(Normalizer.normalize(s, Normalizer.Form.NFD).replaceAll("\\p{M}", ""));
        System.out.println("😀é".codePoints().mapToObj(c -> String.format("U+%04X", c)).collect(Collectors.joining(" ")));
        for (String p : new String[] {"A man, a plan, a canal: Panama", "été", "Русский"}) {
            System.out.println(p + ": " + isPalindrome(p));
        }
        System.err.println("ошибка ✗");
        System.out.println("tab\there, quote \" and backslash \\, escape \u00e9, octal \101");
        System.out.println("  strip\u2003".strip() + "|" + "ab".repeat(3) + "|" + "a\nb\n".lines().count());
    }
}
