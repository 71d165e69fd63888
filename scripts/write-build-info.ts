/** The last step of `npm run build`: writes `dist/build-info.json`. */
import { resolve } from 'node:path';
import { writeBuildInfo } from './local/build-info.ts';

writeBuildInfo(resolve(import.meta.dirname, '..'), new Date());
