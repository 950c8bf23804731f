import { describe } from 'vitest';
import { embeddedBackend } from '../../testing/seats-backend.ts';
import { historiesAgree } from '../../testing/seats-histories.ts';

describe('random histories on embedded Redis', () => historiesAgree(embeddedBackend));
