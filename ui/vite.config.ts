import { readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Fails the build when a component of Mantine is drawn whose styles are not in `parts.css`. */
function styledParts(): Plugin {
  return {
    name: 'styled-parts',
    apply: 'build',
    generateBundle(_, bundle) {
      const parts = readFileSync(new URL('shared/theme/parts.css', import.meta.url), 'utf8');
      for (const chunk of Object.values(bundle)) {
        for (const module of chunk.type === 'chunk' ? Object.keys(chunk.modules) : []) {
          const part = module.match(/@mantine\/core\/.*\/(\w+)\.module\.mjs$/)?.[1];
          if (part && !parts.includes(`/${part}.css"`)) {
            this.error(`shared/theme/parts.css lacks Mantine's ${part}.css`);
          }
        }
      }
    },
  };
}

// The window loads everything from the program itself under a strict policy: no inline
// script, no `data:` font, no source map in what is packaged.
export default defineConfig({
  root: 'clinician',
  base: './',
  plugins: [react(), styledParts()],
  // Tests run in Node, but what they test is the window: packages answer as to a browser.
  ...(process.env.VITEST ? { resolve: { conditions: ['browser'] } } : {}),
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'safari16',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  preview: { port: 4317, strictPort: true },
  server: { port: 4318, strictPort: true },
  test: {
    root: '.',
    // What needs no window does not pay for one.
    projects: [
      {
        extends: true,
        test: { name: 'rules', include: ['**/*.test.ts'], environment: 'node' },
      },
      {
        extends: true,
        test: {
          name: 'window',
          include: ['**/*.test.tsx'],
          environment: 'jsdom',
          setupFiles: ['test/setup.ts'],
          server: { deps: { inline: ['@event-calendar/core', 'svelte'] } },
        },
      },
    ],
    exclude: ['node_modules/**', 'dist/**', 'dist-patient/**'],
    // A busy machine draws later, not wrongly.
    testTimeout: 60_000,
    css: false,
    // jsdom has neither a canvas nor a layout: what the plot and the calendar's drag ask of them
    // is tested in a browser by the pictures and in the real window by the tour.
    onUnhandledError: (error) => !/uplot|@event-calendar/i.test(`${error.stack ?? ''}`),
  },
});
