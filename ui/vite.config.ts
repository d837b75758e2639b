import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  server: {
    port: 5173,
    strictPort: true,
    // A test compares the commands with those of the shell.
    fs: { allow: ['.', '../src-tauri/src'] },
  },
  build: {
    // WebKitGTK 2.50, WKWebView and WebView2 all know what these do; `light-dark()` is the newest thing that is used.
    target: ['es2022', 'safari17.5', 'chrome123'],
    cssTarget: ['safari17.5', 'chrome123'],
    // The window's content security policy lets nothing be inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    maxWorkers: 1,
    testTimeout: 30_000,
    // A test reads the colours.
    css: { include: /tokens\.css/ },
  },
});
