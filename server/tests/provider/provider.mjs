// A real OpenID provider (node-oidc-provider, certified) for the tests of the server: one client,
// a form that takes any name and any password. Says on standard output that it listens, and ends
// with its standard input.
//
// Environment: PORT, CERTIFICATE and KEY (PEM files), CLIENT_ID, CLIENT_SECRET.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const { PORT, CERTIFICATE, KEY, CLIENT_ID, CLIENT_SECRET } = process.env;
const issuer = `https://localhost:${PORT}`;

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const key = { ...(await exportJWK(privateKey)), kid: 'es', alg: 'ES256', use: 'sig' };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/rounds/signed-in'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['for tests alone'] },
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['preferred_username', 'name'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: `subject-of-${id}`, preferred_username: id, name: id }),
  }),
});

const files = { cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) };
createServer(files, provider.callback()).listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write('listening\n');
});
process.stdin.resume().on('end', () => process.exit());
