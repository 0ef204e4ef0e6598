import { createHash } from "node:crypto";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/**
 * Puts script and styles into the page, so that it is one file which opens offline, and forbids it every request:
 * only this very script may run (by its hash), whatever a result's text holds.
 */
function oneFile(): Plugin {
  return {
    name: "one-file",
    enforce: "post",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const page = files.find((file) => file.fileName.endsWith(".html"));
      const script = files.find((file) => file.type === "chunk");
      const style = files.find((file) => file.fileName.endsWith(".css"));
      if (page?.type !== "asset" || script?.type !== "chunk" || style?.type !== "asset")
        throw new Error("one page, one script and one style sheet were expected");
      const code = script.code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
      const hash = createHash("sha256").update(code).digest("base64");
      const policy =
        `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; ` +
        "img-src data: blob:; base-uri 'none'; form-action 'none'";
      // Replacements as functions: a string would have its $& read.
      page.source = String(page.source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace("</head>", () => `<style>${String(style.source)}</style>\n  </head>`)
        .replace("<!-- policy -->", () => `<meta http-equiv="Content-Security-Policy" content="${policy}" />`)
        .replace("</body>", () => `<script type="module">${code}</script>\n  </body>`);
      for (const file of files) if (file !== page) delete bundle[file.fileName];
    },
  };
}

/** Two pages from one code: the viewer as one file, and the studio's page with its script and styles beside it. */
export default defineConfig(({ mode }) => {
  const studio = mode === "studio";
  return {
    base: "./",
    plugins: [svelte(), ...(studio ? [] : [oneFile()])],
    // Vitest would take the server's build of Svelte otherwise.
    resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
    build: {
      outDir: studio ? "../textdream/studio/assets" : "../textdream/report/assets",
      emptyOutDir: true,
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      modulePreload: false,
      target: "es2022",
      rolldownOptions: {
        input: studio ? "studio.html" : "viewer.html",
        output: { entryFileNames: "studio.js", assetFileNames: "studio[extname]" },
      },
    },
    test: { environment: "happy-dom", include: ["test/**/*.test.ts"] },
  };
});
