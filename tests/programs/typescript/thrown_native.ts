interface Config { server?: { port: number } }
const config: Config = JSON.parse("{}");
console.error("reading");
console.log(config.server?.port ?? "no port");
console.log(config.server!.port);
