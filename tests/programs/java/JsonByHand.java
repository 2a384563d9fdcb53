import java.util.*;

public class JsonByHand {
    private final String text;
    private int at;

    JsonByHand(String text) {
        this.text = text;
    }

    Object value() {
        skip();
        char c = text.charAt(at);
        if (c == '{') {
            Map<String, Object> object = new LinkedHashMap<>();
            at++;
            for (skip(); text.charAt(at) != '}'; skip()) {
                if (text.charAt(at) == ',') at++;
                skip();
                String key = string();
                skip();
                expect(':');
                object.put(key, value());
            }
            at++;
            return object;
        }
        if (c == '[') {
            List<Object> list = new ArrayList<>();
            at++;
            for (skip(); text.charAt(at) != ']'; skip()) {
                if (text.charAt(at) == ',') at++;
                list.add(value());
            }
            at++;
            return list;
        }
        if (c == '"') return string();
        int start = at;
        while (at < text.length() && ",]} \n".indexOf(text.charAt(at)) < 0) at++;
        String word = text.substring(start, at);
        return switch (word) {
            case "null" -> null;
            case "true", "false" -> Boolean.valueOf(word);
            default -> word.contains(".") ? (Object) Double.valueOf(word) : (Object) Long.valueOf(word);
        };
    }

    private String string() {
        expect('"');
        StringBuilder result = new StringBuilder();
        while (text.charAt(at) != '"') {
            char c = text.charAt(at++);
            if (c == '\\') {
                c = text.charAt(at++);
                if (c == 'n') c = '\n';
                if (c == 'u') {
                    c = (char) Integer.parseInt(text.substring(at, at + 4), 16);
                    at += 4;
                }
            }
            result.append(c);
        }
        at++;
        return result.toString();
    }

    private void expect(char c) {
        if (text.charAt(at) != c) throw new IllegalStateException("expected " + c + " at " + at + ", not " + text.charAt(at));
        at++;
    }

    private void skip() {
        while (Character.isWhitespace(text.charAt(at))) at++;
    }

    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            StringJoiner joiner = new StringJoiner(",", "{", "}");
            map.forEach((k, v) -> joiner.add(write(k) + ":" + write(v)));
            return joiner.toString();
        }
        if (value instanceof List<?> list) {
            StringJoiner joiner = new StringJoiner(",", "[", "]");
            list.forEach(v -> joiner.add(write(v)));
            return joiner.toString();
        }
        return value instanceof String s ? '"' + s.replace("\"", "\\\"").replace("\n", "\\n") + '"' : String.valueOf(value);
    }

    public static void main(String[] args) {
        String text = "{ \"name\": \"\\u00c9va \\\"E\\\"\", \"tags\": [1, 2.5, true, null, []],\n \"in\": {\"a\\n\": -7} }";
        Object value = new JsonByHand(text).value();
        System.out.println(value);
        System.out.println(write(value));
        System.out.println(new JsonByHand("{\"a\" 1}").value());
    }
}
