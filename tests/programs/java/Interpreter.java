import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

public class Interpreter {
    private final Deque<Long> stack = new ArrayDeque<>();
    private final Map<String, Consumer<Interpreter>> words = new HashMap<>();

    Interpreter() {
        words.put("+", m -> m.stack.push(m.stack.pop() + m.stack.pop()));
        words.put("*", m -> m.stack.push(m.stack.pop() * m.stack.pop()));
        words.put("dup", m -> m.stack.push(m.stack.peek()));
        words.put("swap", m -> {
            long top = m.stack.pop(), below = m.stack.pop();
            m.stack.push(top);
            m.stack.push(below);
        });
        words.put(".", m -> System.out.print(m.stack.pop() + " "));
        words.put("cr", m -> System.out.println());
    }

    void run(String source) {
        String[] parts = source.trim().split("\\s+");
        for (int i = 0; i < parts.length; i++) {
            String part = parts[i];
            if (part.equals(":")) {
                String name = parts[++i];
                StringBuilder body = new StringBuilder();
                while (!parts[++i].equals(";")) body.append(parts[i]).append(' ');
                words.put(name, m -> m.run(body.toString()));
            } else if (words.containsKey(part)) {
                words.get(part).accept(this);
            } else {
                stack.push(Long.parseLong(part));
            }
        }
    }

    public static void main(String[] args) {
        Interpreter machine = new Interpreter();
        machine.run(": square dup * ; 5 square . cr");
        machine.run("1 2 3 swap . . . cr");
        machine.run(": cube dup square * ; 3 cube dup + . cr");
        machine.run("1 + .");
    }
}
