// An ordinary SMART Backend Services client, with a JOSE implementation that is not the server's.
//
//   node program.mjs keys FOLDER            makes keys; prints the public ones as a key set
//   node program.mjs assertion FOLDER CLAIMS HEADER   prints an assertion with these claims (JSON)

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';

const KINDS = { rs: 'RS384', es: 'ES384', weak: 'RS256', strange: 'ES384' };
const [what, folder, claims, header] = process.argv.slice(2);

if (what === 'keys') {
  const published = [];
  for (const [kid, alg] of Object.entries(KINDS)) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    writeFileSync(join(folder, `${kid}.json`), JSON.stringify(await exportJWK(privateKey)));
    if (kid !== 'strange') published.push({ ...(await exportJWK(publicKey)), kid, use: 'sig' });
  }
  process.stdout.write(JSON.stringify({ keys: published }));
} else {
  const { key, kid } = JSON.parse(header);
  const jwk = JSON.parse(readFileSync(join(folder, `${key}.json`), 'utf8'));
  const assertion = await new SignJWT(JSON.parse(claims))
    .setProtectedHeader({ alg: KINDS[key], kid: kid ?? key, typ: 'JWT' })
    .sign(await importJWK(jwk, KINDS[key]));
  process.stdout.write(assertion);
}
