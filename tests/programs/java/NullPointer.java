import java.util.HashMap;
import java.util.Map;

public class NullPointer {
    private String name;

    public static void main(String[] args) {
        Map<String, String> map = new HashMap<>();
        try {
            new NullPointer().name.length();
        } catch (NullPointerException e) {
            System.out.println("caught one");
        }
        String value = map.get("missing");
        System.out.println("length: " + value.length());
    }
}
