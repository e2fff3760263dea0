import { defineConfig } from 'vite';

// The page that patients open in their own browser: served by the platform under a strict policy,
// flat, without a framework and without anything from elsewhere.
export default defineConfig({
  root: 'patient',
  base: './',
  preview: { port: 4319, strictPort: true },
  build: {
    outDir: '../dist-patient',
    emptyOutDir: true,
    target: 'es2022',
    assetsDir: '.',
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
