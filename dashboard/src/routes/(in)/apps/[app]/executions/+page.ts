export const load = () => ({ title: 'Executions' });
