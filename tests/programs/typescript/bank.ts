enum Kind { Deposit = "deposit", Withdrawal = "withdrawal" }
interface Entry { readonly kind: Kind; amount: number }
class InsufficientFunds extends Error { override name = "InsufficientFunds"; }
class Bank {
  private readonly log: Entry[] = [];
  constructor(private balance = 0) {}
  apply(entry: Entry): void {
    if (entry.kind === Kind.Withdrawal && entry.amount > this.balance) throw new InsufficientFunds(`${this.balance} < ${entry.amount}`);
    this.balance += entry.kind === Kind.Deposit ? entry.amount : -entry.amount;
    this.log.push(entry);
  }
}
const bank = new Bank(10);
bank.apply({ kind: Kind.Deposit, amount: 5 });
console.log(bank);
try { bank.apply({ kind: Kind.Withdrawal, amount: 50 }); } catch (e) { console.log((e as Error).name); }
bank.apply({ kind: Kind.Withdrawal, amount: 16 });
