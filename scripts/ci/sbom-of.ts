/**
 * Whether SBOMs are of an image: who attests another one's would hide what is in it.
 *
 *   sbom-of.ts sha256:… FILE    one in a file, as scripts/ci/sbom.ts writes it
 *   sbom-of.ts sha256:…         those attested, as `cosign verify-attestation` prints them: an envelope on each line
 *                               (https://github.com/secure-systems-lab/dsse), around a statement of in-toto
 */
import { readFileSync } from 'node:fs';
import { subjectOf } from './sbom/subject.ts';

const STDIN = 0;

function attested(line: string): object {
  const { payload } = JSON.parse(line) as { readonly payload: string };
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as { readonly predicate: object };
  return statement.predicate;
}

const [digest = '', file] = process.argv.slice(2);
const text = readFileSync(file ?? STDIN, 'utf8');
const sboms = file === undefined ? text.split('\n').filter(Boolean).map(attested) : [JSON.parse(text) as object];
const others = sboms.map(subjectOf).filter((subject) => subject !== digest);
if (sboms.length === 0 || others.length > 0) {
  console.error(`sbom-of: ${file ?? 'what is attested'} is about ${others[0] ?? 'no image'}, not about ${digest}`);
  process.exitCode = 1;
}
