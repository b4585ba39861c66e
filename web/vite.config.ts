import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte({ compilerOptions: { runes: true } })],
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'], // the first that know light-dark()
    assetsInlineLimit: 0, // the content security policy takes no data: but pictures
    modulePreload: { polyfill: false },
  },
  // `npm run dev` asks the API of a running `eidetic serve`.
  server: { proxy: { '/v1': 'http://127.0.0.1:8890' } },
})
