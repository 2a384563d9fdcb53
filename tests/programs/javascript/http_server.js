const http = require("http");
const server = http.createServer((request, response) => {
  response.setHeader("x-own", "1");
  response.end(`${request.method} ${request.url}`);
});
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const answer = await fetch(`http://127.0.0.1:${port}/path?q=1`);
  console.log(answer.status, answer.headers.get("x-own"), await answer.text());
  http.get({ port, path: "/old", agent: false }, (r) => {
    r.setEncoding("utf8");
    r.on("data", (d) => console.log(d));
    r.on("end", () => { server.close(() => console.log("closed")); server.closeAllConnections(); });
  });
});
