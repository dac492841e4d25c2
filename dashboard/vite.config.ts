import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const PAGES = "../eopiez_ray/gateway/pages";
const GATEWAY = process.env.EOPIEZ_URL ?? "http://127.0.0.1:8000";

/** Brotli beside each asset, so that the gateway compresses nothing. */
function packed(): Plugin {
  return {
    name: "packed",
    closeBundle() {
      const folder = join(import.meta.dirname, PAGES, "assets");
      for (const name of readdirSync(folder).filter((each) => /\.(?:js|css|svg)$/.test(each))) {
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(readFileSync(join(folder, name))));
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), packed()],
  build: {
    outDir: PAGES,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": GATEWAY, "/follow": GATEWAY } },
  test: { include: ["src/**/*.test.ts"] },
});
