import { mount } from 'svelte'
import App from './App.svelte'
import './shared/theme.css'

mount(App, { target: document.body })
