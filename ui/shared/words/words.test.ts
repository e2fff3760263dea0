import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { en } from './en.ts';

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return entry.name === 'words' ? '' : sources(path);
      }
      return /\.tsx?$/.test(path) && !path.includes('.test.') ? readFileSync(path, 'utf8') : '';
    })
    .join('\n');
}

it('keeps no text that no screen shows', () => {
  const all = sources('clinician') + sources('shared');
  const unused: string[] = [];
  const look = (node: object, path: string) => {
    for (const [name, value] of Object.entries(node)) {
      const key = path === '' ? name : `${path}.${name}`;
      if (typeof value === 'object' && value !== null) {
        look(value, key);
        continue;
      }
      const plain = key.replace(/_(one|other)$/, '');
      const group = plain.slice(0, plain.lastIndexOf('.'));
      const written = all.includes(`'${plain}'`) || all.includes(`en.${plain}`);
      // A key made of its group and a name: `rail.${screen}`.
      if (!written && !all.includes(`\`${group}.\${`)) {
        unused.push(key);
      }
    }
  };
  look(en, '');
  expect(unused).toEqual([]);
});
