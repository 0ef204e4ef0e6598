// Fails where a built page in the package is not what its source gives.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
const PAGES = [
  { mode: "production", folder: "../textdream/report/assets" },
  { mode: "studio", folder: "../textdream/studio/assets" },
];

const trouble = [];
for (const { mode, folder } of PAGES) {
  const shipped = join(here, folder);
  const built = mkdtempSync(join(tmpdir(), "textdream-viewer-"));
  try {
    execFileSync(join(here, "node_modules/.bin/vite"), ["build", "--mode", mode, "--outDir", built, "--logLevel", "warn"], {
      cwd: here,
      stdio: "inherit",
    });
    const names = new Set([...readdirSync(built), ...(existsSync(shipped) ? readdirSync(shipped) : [])]);
    for (const name of names) {
      const [ours, theirs] = [join(built, name), join(shipped, name)];
      if (!existsSync(ours) || !existsSync(theirs) || !readFileSync(ours).equals(readFileSync(theirs)))
        trouble.push(join(folder, name).replace("../", ""));
    }
  } finally {
    rmSync(built, { recursive: true });
  }
}
if (trouble.length > 0) {
  console.error(`not what viewer/ gives: ${trouble.join(", ")}; run: make viewer`);
  process.exit(1);
}
