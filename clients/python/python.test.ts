import { expect, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { runProgram, runUnittest } from '../../shared/testing/run-python.ts';

describeReal('python3', 'the Python client', () => {
  test('keeps its seat through outages and lets go of it as the table of codes says', () =>
    runUnittest('test_seat'));

  test('finds the machine, and stores only for its user', () => runUnittest('test_machine'));

  test('sends requests with one deadline, to verified servers alone', () => runUnittest('test_http'));

  test('is importable by the oldest Python that it names', () => {
    const source = `import ast, pathlib
for file in pathlib.Path("clients/python/src").rglob("*.py"): ast.parse(file.read_text(), feature_version=(3, 9))`;
    expect(runProgram(['python3', '-c', source])).toBe('');
  });
});

describeReal('openssl', 'the Python client with signatures of openssl', () => {
  test('runs offline as the license says', () => runUnittest('test_offline'));

  test('accepts no forged signature and no weak key', () => runUnittest('test_rsa'));
});
