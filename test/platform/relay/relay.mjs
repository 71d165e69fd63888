// Runs in a pod of the service's own image, started by `kubectl exec`. Listens on the ports in its arguments, and tells what
// it gets on its standard output, one line of JSON a piece; what it is told on its standard input it sends back
// (cluster-relay.ts). As --eval, it has no name among its arguments. It ends with that input.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const sockets = new Map();
let connections = 0;

for (const port of process.argv.slice(1).map(Number)) {
  createServer({ allowHalfOpen: true }, (socket) => {
    const id = ++connections;
    sockets.set(id, socket);
    tell({ id, port });
    socket.on('data', (chunk) => tell({ id, data: chunk.toString('base64') }));
    socket.once('end', () => tell({ id, end: true }));
    socket.once('error', () => {}); // `close` follows.
    socket.once('close', () => {
      sockets.delete(id);
      tell({ id, closed: true });
    });
  }).listen(port, () => tell({ listening: port }));
}

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, data, end, closed } = JSON.parse(line);
    const socket = sockets.get(id);
    if (data !== undefined) socket?.write(Buffer.from(data, 'base64'));
    if (end) socket?.end();
    if (closed) socket?.destroy();
  })
  .once('close', () => process.exit());
