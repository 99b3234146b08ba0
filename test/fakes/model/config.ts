/** The engine's configuration for a scripted model and nothing else: no network, no other provider. */
export function scriptedModelConfig(
  baseUrl: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    autoupdate: false,
    share: 'disabled',
    lsp: false,
    formatter: false,
    model: 'scripted/scripted',
    small_model: 'scripted/scripted',
    enabled_providers: ['scripted'],
    provider: {
      scripted: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Scripted',
        options: { baseURL: baseUrl, apiKey: 'none' },
        models: {
          scripted: { name: 'Scripted', tool_call: true, limit: { context: 200_000, output: 8_000 } },
        },
      },
    },
    ...more,
  };
}
