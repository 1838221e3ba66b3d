export * from 'streaming-markdown';
