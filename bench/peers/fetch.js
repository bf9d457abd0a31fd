// For Deno, Bun and workerd: GET is hello, POST takes JSON and gives it back with one field more.
export default {
  async fetch(request) {
    if (request.method === "POST") {
      const order = await request.json();
      order.seen = true;
      return Response.json(order);
    }
    return new Response("Hello, World");
  },
};
