// Takes a picture of every screen and of the patient's page, light and dark, full, empty and off line, and runs axe on
// each. Needs a build (`npm run build`) and Chromium (ROUNDS_CHROMIUM or /usr/bin/chromium).
// `npm run pictures -- today chart` takes only those whose name contains a word.
import { mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { PATIENT_SHOTS, standIn } from './patient.mjs';
import { SHOTS } from './shots.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const ui = fileURLToPath(new URL('../..', import.meta.url));
const out = `${here}out`;
const NOW = '2026-11-24T15:34:20Z';

const bundle = await build({
  configFile: false,
  root: ui,
  logLevel: 'error',
  build: {
    write: false,
    minify: false,
    lib: { entry: `${here}fake-entry.ts`, formats: ['iife'], name: 'fakeProgram' },
  },
});
const fake = (Array.isArray(bundle) ? bundle[0] : bundle).output[0].code;
const axe = await readFile(`${ui}node_modules/axe-core/axe.min.js`, 'utf8');

const server = await preview({
  configFile: `${ui}vite.config.ts`,
  root: `${ui}clinician`,
  logLevel: 'error',
});
const patients = await preview({
  configFile: `${ui}vite.patient.config.ts`,
  root: `${ui}patient`,
  logLevel: 'error',
});
const browser = await chromium.launch({
  executablePath: process.env.ROUNDS_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
await mkdir(out, { recursive: true });

const words = process.argv.slice(2);
let wrong = 0;
for (const shot of [...SHOTS, ...PATIENT_SHOTS]) {
  if (words.length > 0 && !words.some((word) => shot.name.includes(word))) {
    continue;
  }
  const context = await browser.newContext({
    viewport: shot.viewport ?? { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    colorScheme: shot.setting?.theme === 'dark' ? 'dark' : 'light',
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    wrong += 1;
    console.error(`${shot.name}: ${error.stack || error}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') {
      wrong += 1;
      console.error(`${shot.name}: ${message.text()}`);
    }
  });
  await page.clock.install({ time: new Date(NOW) });
  if (shot.patient) {
    await page.addInitScript(standIn);
  } else {
    await page.addInitScript(
      ([setting]) => {
        window.fakeSetting = setting;
      },
      [shot.setting ?? {}],
    );
    await page.addInitScript(fake);
  }
  try {
    await page.goto(shot.patient ? 'http://localhost:4319/#token' : 'http://localhost:4317/');
    // What an open session draws is loaded after the window's first picture.
    await page.locator('main').first().waitFor();
    await page.clock.runFor(400);
    await shot.act?.(page);
    await page.clock.runFor(500);
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: `${out}/${shot.name}.png` });
    await page.evaluate(axe);
    const report = page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    await page.clock.resume();
    const { violations } = await report;
    for (const violation of violations.filter((v) => ['serious', 'critical'].includes(v.impact))) {
      wrong += 1;
      console.error(
        `${shot.name}: axe ${violation.id} (${violation.impact}): ${violation.help}\n   ${violation.nodes
          .slice(0, 4)
          .map((node) => `${node.target} ${node.any[0]?.message ?? ''}`)
          .join('\n   ')}`,
      );
    }
    console.log(`${shot.name}: taken`);
  } catch (error) {
    wrong += 1;
    console.error(`${shot.name}: ${error}`);
    await page.screenshot({ path: `${out}/${shot.name}-failed.png` }).catch(() => {});
  }
  await context.close();
}
await browser.close();
await server.close();
await patients.close();
process.exitCode = wrong === 0 ? 0 : 1;
