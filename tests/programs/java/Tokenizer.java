import java.util.ArrayList;
import java.util.List;
import java.util.Map;

public class Tokenizer {
    enum Kind { NUMBER, NAME, OPERATOR, OPEN, CLOSE, END }

    record Token(Kind kind, String text) {
        @Override
        public String toString() {
            return kind + "(" + text + ")";
        }
    }

    static class ParseException extends RuntimeException {
        ParseException(String message) {
            super(message);
        }
    }

    private final List<Token> tokens = new ArrayList<>();
    private final Map<String, Double> variables;
    private int at;

    Tokenizer(String source, Map<String, Double> variables) {
        this.variables = variables;
        for (int i = 0; i < source.length(); ) {
            char c = source.charAt(i);
            int start = i;
            if (Character.isWhitespace(c)) {
                i++;
                continue;
            } else if (Character.isDigit(c)) {
                while (i < source.length() && (Character.isDigit(source.charAt(i)) || source.charAt(i) == '.')) i++;
                tokens.add(new Token(Kind.NUMBER, source.substring(start, i)));
            } else if (Character.isLetter(c)) {
                while (i < source.length() && Character.isLetterOrDigit(source.charAt(i))) i++;
                tokens.add(new Token(Kind.NAME, source.substring(start, i)));
            } else {
                Kind kind = switch (c) {
                    case '(' -> Kind.OPEN;
                    case ')' -> Kind.CLOSE;
                    case '+', '-', '*', '/', '^' -> Kind.OPERATOR;
                    default -> throw new ParseException("unexpected '" + c + "' at " + i);
                };
                tokens.add(new Token(kind, String.valueOf(c)));
                i++;
            }
        }
        tokens.add(new Token(Kind.END, ""));
    }

    private Token next() {
        return tokens.get(at++);
    }

    private boolean on(String... operators) {
        return tokens.get(at).kind() == Kind.OPERATOR && List.of(operators).contains(tokens.get(at).text());
    }

    double sum() {
        double value = product();
        while (on("+", "-")) value += next().text().equals("+") ? product() : -product();
        return value;
    }

    private double product() {
        double value = power();
        while (on("*", "/")) value = next().text().equals("*") ? value * power() : value / power();
        return value;
    }

    private double power() {
        double base = atom();
        if (!on("^")) return base;
        next();
        return Math.pow(base, power());
    }

    private double atom() {
        Token token = next();
        switch (token.kind()) {
            case NUMBER:
                return Double.parseDouble(token.text());
            case NAME:
                return variables.get(token.text());
            case OPEN:
                double inner = sum();
                if (next().kind() != Kind.CLOSE) throw new ParseException("no closing bracket");
                return inner;
            default:
                if (token.text().equals("-")) return -atom();
                throw new ParseException("unexpected " + token);
        }
    }

    public static void main(String[] args) {
        Map<String, Double> variables = Map.of("x", 3.0, "pi", Math.PI);
        for (String source : List.of("1 + 2 * 3", "(1+2)*3 - -4", "2 ^ 3 ^ 2", "x / 0", "2 * pi * x", "2 +")) {
            Tokenizer tokenizer = new Tokenizer(source, variables);
            System.out.println(tokenizer.tokens);
            System.out.println(source + " = " + tokenizer.sum());
        }
    }
}
