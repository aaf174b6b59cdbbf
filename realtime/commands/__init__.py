"""What the console command ``realtime`` does: one module per subcommand."""
