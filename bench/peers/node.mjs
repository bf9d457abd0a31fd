// GET is hello, POST takes JSON and gives it back with one field more.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  if (request.method !== "POST") {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.end("Hello, World");
    return;
  }
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const order = JSON.parse(Buffer.concat(pieces).toString());
    order.seen = true;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(order));
  });
});
server.listen(Number(process.env.PORT), "127.0.0.1");
