import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The bundle becomes part of the Python package, which serves it at /.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../src/twinplane/control_plane/static',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/api': process.env.TWINPLANE_APP ?? 'http://127.0.0.1:8642' } },
  test: {
    environment: 'happy-dom',
    testTimeout: 20_000,
    server: { deps: { inline: [/@cloudscape-design/] } },
  },
});
