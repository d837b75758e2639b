import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  server: {
    port: 5173,
    strictPort: true,
    // Tests compare the commands with those of the Tauri shell, and the logo with the icon.
    fs: { allow: ['.', '../src-tauri/src', '../icons/source'] },
  },
  build: {
    // Supported by WebKitGTK 2.50, WKWebView and WebView2; `light-dark()` is the newest feature in use.
    target: ['es2022', 'safari17.5', 'chrome123'],
    cssTarget: ['safari17.5', 'chrome123'],
    // The content security policy forbids inline assets.
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
    // contrast.test.ts parses the colours.
    css: { include: /tokens\.css/ },
  },
});
