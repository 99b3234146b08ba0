/** The document of the panel. Its policy lets nothing in but our own script and style. */
export interface PanelPage {
  /** `webview.cspSource`. */
  cspSource: string;
  /** Fresh and random for each document. */
  nonce: string;
  script: string;
  style: string;
  language: string;
}

/** @returns HTML whose content security policy allows no connection and no image: the panel talks to the host alone. */
export function panelPage({ cspSource, nonce, script, style, language }: PanelPage): string {
  const policy = `default-src 'none'; style-src ${cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${escape(language)}">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="${escape(style)}">
<title>Holdfast</title>
</head>
<body>
<script nonce="${nonce}" src="${escape(script)}"></script>
</body>
</html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
