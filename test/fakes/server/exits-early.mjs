/** Seen with a broken configuration file. */
process.stderr.write('Config file at /home/me/config.json is not valid JSON\n  at line 1\n');
process.exitCode = 1;
