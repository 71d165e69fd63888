// Runs in a pod, by `kubectl exec`: says of each of its arguments, `name=target`, whether it is reached from there. All
// are tried at once. Targets: `tcp://host:port`, `http://…` (whatever is answered), and `dns+udp:NAME` or `dns+tcp:NAME`
// at the pod's own resolver. Writes one line of JSON: by name `open`, `closed`, or what else went wrong.
import dgram from 'node:dgram';
import dns from 'node:dns';
import net from 'node:net';

/** A policy may refuse by silence. Two SYN more are sent in this time. */
const PATIENCE_MS = 5_000;
const DNS_PORT = 53;
const SILENT = 'silent';

/** What a policy looks like from outside: no answer, or one of these. */
const CLOSED = new Set([SILENT, 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EPERM', 'EACCES']);

function connected(host, port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port: Number(port) });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** A question for the address of a name (RFC 1035, section 4.1). */
function question(name) {
  const head = Buffer.from([0x68, 0x77, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').map((label) => String.fromCharCode(label.length) + label);
  return Buffer.concat([head, Buffer.from(`${labels.join('')}\0`), Buffer.from([0, 1, 0, 1])]);
}

function checkAnswer(message) {
  const [code, answers] = [message[3] & 0x0f, message.readUInt16BE(6)];
  if (code !== 0 || answers === 0) throw new Error(`the resolver answers with code ${code} and ${answers} addresses`);
}

async function askByUdp(name) {
  const socket = dgram.createSocket('udp4');
  try {
    const message = await new Promise((resolve, reject) => {
      socket.once('message', resolve);
      socket.once('error', reject);
      socket.send(question(name), DNS_PORT, dns.getServers()[0]);
    });
    checkAnswer(message);
  } finally {
    socket.close();
  }
}

async function askByTcp(name) {
  const socket = await connected(dns.getServers()[0], DNS_PORT);
  const asked = question(name);
  socket.write(Buffer.concat([Buffer.from([0, asked.length]), asked]));
  let answer = Buffer.alloc(0);
  for await (const chunk of socket) {
    answer = Buffer.concat([answer, chunk]);
    if (answer.length > 2 && answer.length >= 2 + answer.readUInt16BE(0)) break;
  }
  checkAnswer(answer.subarray(2));
}

async function reach(target) {
  const [, scheme, rest] = /^([a-z+]+):(.*)$/.exec(target);
  if (scheme === 'dns+udp') return askByUdp(rest);
  if (scheme === 'dns+tcp') return askByTcp(rest);
  if (scheme === 'http') return (await fetch(target)).arrayBuffer();
  const { hostname, port } = new URL(target);
  return (await connected(hostname, port)).destroy();
}

async function verdict(target) {
  const silence = new Promise((_, reject) => {
    setTimeout(() => reject(Object.assign(new Error(SILENT), { code: SILENT })), PATIENCE_MS);
  });
  try {
    await Promise.race([reach(target), silence]);
    return 'open';
  } catch (error) {
    const code = error.cause?.code ?? error.code ?? error.message;
    return CLOSED.has(code) ? 'closed' : code;
  }
}

const verdicts = process.argv.slice(1).map(async (argument) => {
  const [, name, target] = /^([^=]+)=(.*)$/.exec(argument);
  return [name, await verdict(target)];
});
console.log(JSON.stringify(Object.fromEntries(await Promise.all(verdicts))));
process.exit(0);
