import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const colours = HighlightStyle.define([
	{ tag: tags.keyword, color: 'var(--code-keyword)' },
	{ tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
	{ tag: [tags.number, tags.atom], color: 'var(--code-number)' },
	{ tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
	{ tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: 'var(--code-function)' },
	{ tag: tags.namespace, color: 'var(--code-number)' },
	{ tag: tags.propertyName, color: 'var(--code-property)' },
	{ tag: [tags.operator, tags.brace], color: 'var(--muted)' }
]);

const theme = EditorView.theme({
	'&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '13px' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6' },
	'.cm-content': { padding: '10px 0', caretColor: 'var(--text)' },
	'.cm-cursor': { borderLeftColor: 'var(--text)' },
	'.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--muted)', border: 'none' },
	'.cm-lineNumbers .cm-gutterElement': { padding: '0 8px 0 14px' },
	'.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 55%, transparent)' },
	'&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--selection)' },
	'.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--line-strong)' },
	'.cm-tooltip': {
		border: '1px solid var(--line)',
		borderRadius: '8px',
		backgroundColor: 'var(--raised)',
		color: 'var(--text)',
		boxShadow: 'var(--shadow)',
		overflow: 'hidden'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '260px' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
	'.cm-completionDetail': { color: 'inherit', fontStyle: 'normal', opacity: '0.85' },
	'.cm-completionInfo, .api-docs': { maxWidth: '460px', padding: '10px 12px', fontFamily: 'var(--sans)', fontSize: '13px', lineHeight: '1.5' },
	'.api-docs code': { fontFamily: 'var(--mono)', fontSize: '12px' },
	'.api-docs pre': { margin: '8px 0 0', padding: '8px 10px', borderRadius: '6px', backgroundColor: 'var(--sunken)', fontFamily: 'var(--mono)', fontSize: '12px', whiteSpace: 'pre-wrap' },
	'.api-docs .signature': { fontFamily: 'var(--mono)', fontSize: '12px', color: 'var(--code-function)' },
	'.cm-diagnostic': { padding: '6px 12px', fontFamily: 'var(--sans)', border: 'none' },
	'.cm-diagnostic-error': { color: 'var(--bad)' },
	'.cm-diagnostic-warning': { color: 'var(--warn)' },
	'.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad) 1px', textUnderlineOffset: '3px' },
	'.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy var(--warn) 1px', textUnderlineOffset: '3px' },
	'.cm-panels': { backgroundColor: 'var(--sunken)', color: 'var(--text)', borderColor: 'var(--line)' },
	'.cm-panel input, .cm-panel button, .cm-panel label': { fontFamily: 'var(--sans)', fontSize: '12px' },
	'.cm-textfield': { border: '1px solid var(--line-strong)', borderRadius: '4px', backgroundColor: 'var(--surface)', color: 'var(--text)' },
	'.cm-button': { border: '1px solid var(--line)', borderRadius: '4px', backgroundImage: 'none', backgroundColor: 'var(--surface)', color: 'var(--text)' },
	'.cm-searchMatch': { backgroundColor: 'var(--warn-soft)', outline: '1px solid var(--warn)' },
	'.cm-placeholder': { color: 'var(--muted)' },
	'.cm-changedLine': { backgroundColor: 'var(--ok-soft) !important' },
	'.cm-deletedChunk': { backgroundColor: 'var(--bad-soft) !important' },
	'.cm-changedText': { background: 'color-mix(in srgb, var(--ok) 28%, transparent) !important' },
	'.cm-deletedChunk .cm-deletedText': { background: 'color-mix(in srgb, var(--bad) 28%, transparent) !important' },
	'.cm-collapsedLines': { background: 'var(--sunken)', color: 'var(--muted)' }
});

/** What every editor looks like, in light and in dark. */
export const look = [theme, syntaxHighlighting(colours)];
