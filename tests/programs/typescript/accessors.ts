class Account {
  private static next = 1;
  readonly id: number = Account.next++;
  protected entries: { amount: number; note?: string }[] = [];
  declare tag: string;
  get balance(): number { return this.entries.reduce((s, { amount }) => s + amount, 0); }
  set deposit(amount: number) { if (amount <= 0) throw new RangeError("must be positive"); this.entries.push({ amount }); }
  toString(): string { return `#${this.id}: ${this.balance}`; }
}
const account = new Account();
account.deposit = 50;
account.deposit = 25.5;
console.log(`${account}`, account, "tag" in account);
try { account.deposit = -1; } catch (e) { console.log((e as RangeError).message); }
const frozen: Readonly<{ a: number }> = Object.freeze({ a: 1 });
console.log(frozen, Object.isFrozen(frozen), account?.["balance"]);
