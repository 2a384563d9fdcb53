import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class InsufficientFundsException extends Exception {
    private final BigDecimal missing;

    InsufficientFundsException(BigDecimal missing) {
        super("missing " + missing);
        this.missing = missing;
    }

    BigDecimal missing() {
        return missing;
    }
}

public class Accounts {
    private final Map<String, BigDecimal> balances = new LinkedHashMap<>();
    private final List<String> log = new ArrayList<>();

    void deposit(String who, String amount) {
        BigDecimal value = new BigDecimal(amount);
        if (value.signum() <= 0) {
            throw new IllegalArgumentException("not positive: " + amount);
        }
        balances.merge(who, value, BigDecimal::add);
        log.add("+" + amount + " " + who);
    }

    void transfer(String from, String to, String amount) throws InsufficientFundsException {
        BigDecimal left = balances.getOrDefault(from, BigDecimal.ZERO).subtract(new BigDecimal(amount));
        if (left.signum() < 0) {
            throw new InsufficientFundsException(left.negate());
        }
        balances.put(from, left);
        deposit(to, amount);
    }

    public static void main(String[] args) {
        Accounts bank = new Accounts();
        bank.deposit("ann", "100.50");
        try {
            bank.transfer("ann", "bob", "30.25");
            bank.transfer("bob", "ann", "99");
        } catch (InsufficientFundsException e) {
            System.out.println("refused: " + e.getMessage() + " / " + e.missing());
        }
        try {
            bank.deposit("bob", "-1");
        } catch (IllegalArgumentException e) {
            System.out.println(e);
        }
        bank.balances.forEach((who, balance) -> System.out.printf("%-5s%10s%n", who, balance));
        System.out.println(bank.log);
    }
}
