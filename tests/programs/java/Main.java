import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        System.out.println("arguments: " + args.length);
        Scanner scanner = new Scanner(System.in);
        int lines = 0;
        while (scanner.hasNextLine()) {
            scanner.nextLine();
            lines++;
        }
        System.out.println("lines read: " + lines);
        System.out.println("next? " + scanner.hasNext());
    }
}
