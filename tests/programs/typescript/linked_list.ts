class ListNode<T> { constructor(public value: T, public next: ListNode<T> | null = null) {} }
class LinkedList<T> {
  private head: ListNode<T> | null = null;
  static of<U>(...items: U[]): LinkedList<U> { const l = new LinkedList<U>(); for (const i of items.reverse()) l.prepend(i); return l; }
  prepend(value: T): void { this.head = new ListNode(value, this.head); }
  reverse(): this {
    let previous: ListNode<T> | null = null;
    for (let at = this.head; at; ) { const next: ListNode<T> | null = at.next; at.next = previous; previous = at; at = next; }
    this.head = previous;
    return this;
  }
  toArray(): T[] { const out: T[] = []; for (let at = this.head; at; at = at.next) out.push(at.value); return out; }
}
const list = LinkedList.of(1, 2, 3);
console.log(list.toArray(), list.reverse().toArray(), list);
