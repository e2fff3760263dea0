// A provider that answers as it is told, for tokens that no honest provider makes. POST /next says
// what the next token is; POST /token gives it. Says on standard output that it listens, and ends
// with its standard input.
//
// Environment: PORT, CERTIFICATE and KEY (PEM files).

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';

const { PORT, CERTIFICATE, KEY } = process.env;
const issuer = `https://localhost:${PORT}`;

const keys = {};
for (const [name, alg] of [
  ['es', 'ES256'],
  ['rs', 'RS256'],
  ['strange', 'ES256'],
  ['later', 'ES256'],
]) {
  keys[name] = { alg, ...(await generateKeyPair(alg, { extractable: true })) };
}
const published = ['es', 'rs'];

let next = {};
let asked = 0;

async function token() {
  if (next.key === 'none') return new UnsecuredJWT(next.claims).encode();
  if (next.key === 'shared') {
    // The trap of old libraries: the public key as a shared secret.
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.es.publicKey)));
    return new SignJWT(next.claims).setProtectedHeader({ alg: 'HS256', kid: 'es' }).sign(secret);
  }
  const { alg, privateKey } = keys[next.key];
  const header = { alg, kid: next.kid ?? next.key };
  return new SignJWT(next.claims).setProtectedHeader(header).sign(privateKey);
}

const answers = {
  '/.well-known/openid-configuration': () => ({
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    code_challenge_methods_supported: ['S256'],
  }),
  '/jwks': async () => ({
    keys: await Promise.all(
      published.map(async (kid) => ({ ...(await exportJWK(keys[kid].publicKey)), kid, use: 'sig' })),
    ),
  }),
  '/next': (body) => {
    next = JSON.parse(body);
    if (next.publish) published.push(next.publish);
    return {};
  },
  '/asked': () => asked,
  '/token': async () => {
    asked += 1;
    return next.answer ?? { access_token: 'a', token_type: 'Bearer', id_token: await token() };
  },
};

async function handle(request, response) {
  const path = request.url.split('?')[0];
  const parts = [];
  for await (const part of request) parts.push(part);
  const answer = await answers[path]?.(Buffer.concat(parts).toString());
  const refused = path === '/token' && next.answer;
  response.writeHead(refused ? 400 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

const files = { cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) };
createServer(files, handle).listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write('listening\n');
});
process.stdin.resume().on('end', () => process.exit());
