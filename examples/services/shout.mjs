// A phase in JavaScript: `POST /shout` with a JSON text answers it in capitals. Needs Node 18 or later, and no package.
//
//   EOPIEZ_URL=http://127.0.0.1:8000 EOPIEZ_KEY=… node examples/services/shout.mjs
//
// EOPIEZ_KEY is an API key with the role developer. HOST and PORT say where it listens; SERVICE_URL is where the gateway
// reaches this process, if that is not this machine.
import { createServer } from 'node:http';

const { EOPIEZ_URL, EOPIEZ_KEY, HOST = '127.0.0.1', PORT = '0', SERVICE_URL, LEASE_S = '10' } = process.env;
const REMEMBERED = 10_000;
const MOST_BYTES = 2 ** 20;

// Answers by their idempotency key, so that a repeated call is answered and not done again.
const answers = new Map();

function shout(value) {
  if (typeof value !== 'string') throw new TypeError('the value is no text');
  return { text: value.toUpperCase(), by: process.pid };
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MOST_BYTES) throw new RangeError('the body is too large');
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

function remember(key, answer) {
  if (!key) return;
  if (answers.size >= REMEMBERED) answers.delete(answers.keys().next().value);
  answers.set(key, answer);
}

function reply(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function answer(request, response) {
  if (request.method === 'GET' && request.url === '/health') return reply(response, 200, { ok: true });
  if (request.method !== 'POST' || request.url !== '/shout') return reply(response, 404, { detail: 'no such path' });
  const key = request.headers['idempotency-key'];
  if (!answers.has(key)) {
    try {
      remember(key, shout(await read(request)));
    } catch (error) {
      return reply(response, 422, { detail: error.message });
    }
  }
  return reply(response, 200, answers.get(key));
}

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${EOPIEZ_KEY}`, 'content-type': 'application/json' };
  return fetch(`${EOPIEZ_URL}/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
}

async function register(url) {
  const instance = { name: 'shout', url, health_path: '/health', lease_s: Number(LEASE_S) };
  const registered = await ask('POST', '/services', instance);
  if (!registered.ok) throw new Error(`cannot register: ${await registered.text()}`);
  return (await registered.json()).id;
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error));
});
server.listen(Number(PORT), HOST, async () => {
  const url = SERVICE_URL ?? `http://127.0.0.1:${server.address().port}`;
  let id = await register(url);
  console.log(`registered ${id} at ${url}`);
  const beating = setInterval(async () => {
    try {
      const beat = await ask('PUT', `/services/${id}/heartbeat`);
      if (beat.status === 404) id = await register(url);
    } catch (error) {
      console.error(`no heartbeat: ${error.message}`);
    }
  }, (Number(LEASE_S) * 1000) / 3);
  process.on('SIGTERM', async () => {
    clearInterval(beating);
    await ask('DELETE', `/services/${id}`).catch((error) => console.error(error.message));
    server.close(() => process.exit(0));
  });
});
