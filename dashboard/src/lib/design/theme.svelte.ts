/** Light, dark, or as the system has it. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'picloud.theme';

class ThemeChoice {
	current = $state<Theme>(read());

	/** Makes `theme` the choice, now and in later visits. */
	choose(theme: Theme) {
		this.current = theme;
		apply(theme);
		try {
			if (theme === 'system') localStorage.removeItem(KEY);
			else localStorage.setItem(KEY, theme);
		} catch {
			// Storage is forbidden: the choice holds for this visit.
		}
	}

	/** Makes the page show the choice. The boot file does so before; development has no boot file. */
	apply() {
		apply(this.current);
	}
}

export const theme = new ThemeChoice();

function read(): Theme {
	try {
		const stored = localStorage.getItem(KEY);
		return stored === 'light' || stored === 'dark' ? stored : 'system';
	} catch {
		return 'system';
	}
}

function apply(theme: Theme) {
	if (theme === 'system') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = theme;
}
