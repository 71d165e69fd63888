import { type JobRun, play, type Scene } from './job-graph.js';
import { SCENES, type SceneName } from './scenes.js';
import { parsePipeline, readTexts } from './workflow-files.js';

/** The workflows as they are. */
export const pipeline = parsePipeline(readTexts());
export const names = Object.keys(SCENES) as SceneName[];

export const ran = (scene: Scene): JobRun[] => play(pipeline, scene).filter(({ result }) => result !== 'skipped');
export const idsOf = (runs: readonly JobRun[]): string[] => runs.map(({ id }) => id);
export const commandsOf = ({ calls }: JobRun): string[] => calls.flatMap(({ run }) => (run === undefined ? [] : [run]));

/** A job of ci.yml, skipped or not. */
export function theJob(scene: Scene, id: string): JobRun {
  const job = play(pipeline, scene).find((run) => run.id === `ci.yml: ${id}`);
  if (job === undefined) throw new Error(`${scene.event} starts no job ${id} of ci.yml`);
  return job;
}

export const GATES = [
  'static',
  'sast',
  'dependencies',
  'secrets',
  'trivy',
  'workflows',
  'platform-files',
  'test',
  'image',
  'image-scan',
  'integration',
  'image-tests',
  'alerts',
  'cluster',
  'signing',
].map((id) => `ci.yml: gates: ${id}`);
/** The jobs that look at a change. */
export const CHECKED = ['ci.yml: scope', ...GATES, 'ci.yml: code-scanning', 'ci.yml: verdict'];
