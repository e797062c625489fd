// print_profile.mjs PACKAGE SETTINGS: the command line that the package would run on macOS, as one line for a
// shell. The profile is in it, behind "sandbox-exec -p".
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

Object.defineProperty(process, 'platform', { value: 'darwin' });
const { SandboxManager } = await import(pathToFileURL(process.argv[2]).href);
await SandboxManager.initialize(JSON.parse(readFileSync(process.argv[3], 'utf8')));
process.stdout.write(await SandboxManager.wrapWithSandbox('true'), () => process.exit(0));
