function logged<T extends (...a: any[]) => any>(method: T, context: ClassMethodDecoratorContext): T {
  return function (this: unknown, ...a: unknown[]) {
    console.log("calling", String(context.name), a);
    return method.apply(this, a);
  } as T;
}
function sealed(target: Function, _: ClassDecoratorContext) { Object.seal(target); }
@sealed
class Service {
  constructor(private readonly factor: number) {}
  @logged
  work(n: number): number { return n * this.factor; }
  static readonly instance = new Service(3);
}
console.log(Service.instance.work(14), Object.isSealed(Service));
